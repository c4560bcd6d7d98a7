"""A bucket and a log that hold data, and something that holds none."""

import pulumi
from things import Thing

config = pulumi.Config()
kept = pulumi.ResourceOptions(protect=config.get_bool("protect") is not False)
name = config.get("name") or "first"
bucket = Thing("bucket", name, opts=kept)
if not config.get_bool("dropped"):
    Thing("log", "log", size=config.get_int("size") or 1, opts=kept)
Thing("service", name, opts=pulumi.ResourceOptions(depends_on=[bucket]))
if seconds := config.get_float("seconds"):
    Thing("slow", "slow", seconds=seconds)
pulumi.export("url", "http://127.0.0.1:8080")
