# bash heeds GLOBIGNORE from its environment only when it is assigned again.
shopt dotglob
echo *
