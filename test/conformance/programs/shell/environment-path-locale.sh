echo "$PATH $LANG" ~
cat /dev/null
echo "code $?"
