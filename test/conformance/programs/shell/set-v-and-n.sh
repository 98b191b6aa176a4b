set -v
echo shown # with a comment
set +v
bash -n <<'END'
if true; then
END
echo "$?"
