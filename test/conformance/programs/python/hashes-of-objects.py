# Identities, hashes and random numbers differ from run to run; their kinds do not.
import random
import secrets
import uuid

print(type(hash("a")).__name__, hash(12), hash((1, 2)), hash(None) == hash(None), hash(-1))
print(random.random() != random.random(), len(secrets.token_hex()), uuid.uuid4().version, uuid.uuid5(uuid.NAMESPACE_DNS, "x"))
print(object.__repr__(1)[:18], id(1) == id(1), "a" * 3 is "aaa")
