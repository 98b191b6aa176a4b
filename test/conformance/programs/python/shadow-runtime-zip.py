import sys
import zipfile

with zipfile.ZipFile("app.zip", "w") as archive:
    archive.writestr("token.py", "WHO = 'token of the archive'\n")
    archive.writestr("ast.py", "import token\nWHO = 'ast with ' + token.WHO\n")
    archive.writestr("datetime/__init__.py", "WHO = 'datetime of the archive'\n")
sys.path.insert(0, "app.zip")
for name in ("datetime", "ast"):
    try:
        module = __import__(name)
        print(name, module.WHO, module.__file__)
    except Exception as error:
        print(name, type(error), error)
