# A package from an index of its own: a folder of files served as a simple index on loopback.
set -e
mkdir -p index/greeting work && cd work
mkdir greeting && printf 'def hello():\n    return "hello from the package"\ndef main():\n    print(hello())\n' >greeting/__init__.py
python3 - <<'END'
import zipfile
with zipfile.ZipFile("../index/greeting/greeting-1.0-py3-none-any.whl", "w") as wheel:
    wheel.write("greeting/__init__.py")
    info = "greeting-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    wheel.writestr(info + "entry_points.txt", "[console_scripts]\ngreet = greeting:main\n")
    wheel.writestr(info + "RECORD", "")
END
cd .. && rm -r work
printf '<a href="greeting-1.0-py3-none-any.whl">greeting-1.0-py3-none-any.whl</a>' >index/greeting/index.html
cd index && python3 -m http.server --bind 127.0.0.1 8123 >/dev/null 2>&1 &
until (exec 3<>/dev/tcp/127.0.0.1/8123) 2>/dev/null; do sleep 0.05; done
pip install --user --quiet --index-url http://127.0.0.1:8123/ greeting
greet
cd / && python3 -c 'import greeting; print(greeting.hello(), greeting.__file__)'
pip show greeting | sed -n 1,2p
pip uninstall --yes --quiet greeting
python3 -c 'import greeting' 2>&1 | tail -n 1
pip install --user --quiet --no-index no-such-package
