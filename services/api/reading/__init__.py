"""What is read, by whom it may be: objectives, documents, how far evaluation is, the SQL."""
