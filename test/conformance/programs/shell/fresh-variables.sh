# All variables, but for those that differ from run to run, and for two that every command of the script sets anew.
:
set | grep -vE '^(BASHPID|EPOCH|PPID|RANDOM|SRANDOM|SECONDS|BASH_ARGV0|BASH_ARGC)'
declare -p PATH IFS PS4 OPTERR OPTIND SHELLOPTS BASHOPTS DIRSTACK PIPESTATUS GROUPS UID EUID
compgen -v | grep -vE '^_$' | sort
