"""From a typed request to the contract's JSON: parameters, rows, shapes and their examples."""
