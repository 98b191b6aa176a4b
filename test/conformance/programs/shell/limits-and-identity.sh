ulimit -a | grep -v 'max user processes\|pending signals\|max locked memory'
ulimit -n 64; ulimit -n
umask; umask -S; umask 077; touch private; stat -c '%A %U %G' private main.sh
id; whoami; hostname; pwd; echo ~; nice; groups
stat -c '%A %u %n' /workspace /tmp /home/sandboxuser
ls -la --time-style=+ | awk '{print $1, $3, $NF}'
dirs; cd /tmp && echo "$OLDPWD" && cd -
