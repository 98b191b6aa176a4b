trap 'echo never' EXIT
echo before
exec python3 -c 'import sys; print(sys.argv); sys.exit(6)' x
