echo one
f() {
    echo "no end
