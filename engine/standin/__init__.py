"""A stand-in cloud: providers that the real engine talks to, and that keep what they are told to create in memory."""
