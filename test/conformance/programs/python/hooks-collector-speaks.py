import gc
import os

write = os.write
gc.callbacks.append(lambda phase, info: write(1, f"{phase} {info['generation']}\n".encode()))
print(len(gc.callbacks), gc.isenabled(), gc.get_threshold())
