echo start
echo (not quoted)
