# The shell reads its script from the file, so its children share stdin.
head -n 1
read -r line; echo "shell got $line"
cat
python3 -c 'import sys; print(repr(sys.stdin.read()))'
