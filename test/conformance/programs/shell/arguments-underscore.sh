echo "$_"
env | grep -E '^(_|OLDPWD|SHLVL|PWD)=' | sort
