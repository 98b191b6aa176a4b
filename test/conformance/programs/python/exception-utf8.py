# Text beyond ASCII in names, messages and source lines of a traceback.
def größe(länge):
    return {"ключ": länge}["鍵"]


print("ünïcödé ✓ 🎉")
größe("日本語 — äöü")
