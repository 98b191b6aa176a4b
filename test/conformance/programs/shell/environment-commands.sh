type ls
shopt -o ignoreeof
echo "${PS1-none} ${PS2-none}"
