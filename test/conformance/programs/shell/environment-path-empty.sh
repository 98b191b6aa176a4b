echo "[$PATH] $1"
ls
echo "code $?"
