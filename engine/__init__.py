"""The Pulumi engine: getting it, running it with safe defaults, and a stand-in cloud for plans without an account."""
