"""The sources of the catalogue, one protocol a file; each makes a `Listing` out of a client."""
