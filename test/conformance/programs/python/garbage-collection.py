import gc
import weakref

print(gc.isenabled(), gc.get_threshold(), gc.garbage, gc.callbacks, gc.get_debug())


class Node:
    pass


node = Node()
node.self = node
reference = weakref.ref(node, lambda _: print("collected"))
del node
print(reference() is None)
print(gc.collect() >= 1, reference() is None)
gc.disable()
print(gc.isenabled(), gc.is_tracked(reference), len(gc.get_referrers(Node)) > 0)
seen = []
gc.callbacks.append(lambda phase, info: seen.append(phase))
gc.collect()
print(seen)
