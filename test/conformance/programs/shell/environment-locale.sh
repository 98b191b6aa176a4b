echo "$LC_ALL $LANG"
printf '%s\n' b A a B | sort
text=äöü
echo "${#text}" "${text^^}"
printf '%d %s\n' 1.5 x
