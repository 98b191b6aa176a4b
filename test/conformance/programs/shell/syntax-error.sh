echo "first line runs"
if true; then
    echo "never"
fi fi
echo never
