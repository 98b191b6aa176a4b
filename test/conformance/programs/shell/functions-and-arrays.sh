declare -A map=([one]=1 [two]=2)
for key in $(printf '%s\n' "${!map[@]}" | sort); do echo "$key=${map[$key]}"; done
list=(a "b c" d); list+=(e); unset 'list[0]'
echo "${#list[@]} ${!list[*]} ${list[@]:1:2} ${list[-1]}"
declare -p list
declare -n reference=list; reference[1]=changed; echo "${list[1]}"
f() { local -a inner=("$@"); printf '[%s]' "${inner[@]}"; echo; return 7; }
f x "y z"; echo "$?"
declare -f f
text="Hello World"
echo "${text,,} ${text^^} ${text/World/There} ${text#* } ${text%% *} ${text:0:4} ${#text} ${text@Q} ${text@U}"
recurse() { ((${1} > 0)) && recurse $(($1 - 1)) || echo "bottom ${#FUNCNAME[@]}"; }
recurse 50
