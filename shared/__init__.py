"""What the services share: the domain, the documents, the wire and the runtime."""
