# Messages carry the script's name and the line.
no-such-command --with arguments
echo "$?"
./not-there
echo "$?"
touch plain; ./plain
echo "$?"
mkdir folder; ./folder
echo "$?"
printf '#!/no/such/interpreter\n' >bad; chmod +x bad; ./bad
echo "$?"
printf '\x7fELFgarbage' >elf; chmod +x elf; ./elf
echo "$?"
cd /nonexistent
echo "$?" "$PWD"
cat < /nonexistent
echo "$?"
readonly constant=1
constant=2
echo "after $?"
[ 1 -eq x ]
[[ a =~ ( ]]
echo $((1 / 0))
echo "after arithmetic $?"
unset constant
local x
return 3
break
exit nonsense
