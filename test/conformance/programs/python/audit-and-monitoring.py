import sys

events = []
sys.addaudithook(lambda name, args: events.append(name) if name.startswith(("open", "import", "exec", "compile")) else None)
open("x", "w").close()
exec("1")
import colorsys

print([event for event in events if event != "import"][:3], "import" in events)
monitoring = sys.monitoring
print([monitoring.get_tool(i) for i in range(6)])
print(sys.get_asyncgen_hooks(), sys.get_coroutine_origin_tracking_depth(), sys.is_stack_trampoline_active())
