"""A server on loopback that speaks the protocols of all sources over sample data, bad records among them."""
