# An application that comes as an archive, is unpacked, and run from where it is.
import base64
import os
import subprocess
import sys

made = """
import zipfile
with zipfile.ZipFile("app.zip", "w") as archive:
    archive.writestr("app/__init__.py", "")
    archive.writestr("app/main.py", "import token, json\\nprint(token.WHO, json.WHO)\\n")
    archive.writestr("token.py", "WHO = 'own token'\\n")
    archive.writestr("json.py", "WHO = 'own json'\\n")
"""
subprocess.run([sys.executable, "-c", made], check=True)
subprocess.run(["unzip", "-q", "app.zip", "-d", "unpacked"], check=True)
os.chdir("unpacked")
sys.path.insert(0, "")
import app.main

print(base64.b64encode(b"x"), "token" in sys.modules)
