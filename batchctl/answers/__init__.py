"""One module for each question: from a request to a frozen result, the same for commands, Python and the web."""
