# A PATH that leads to nothing, or to other programs by the interpreter's name, and arguments.
echo "$PATH [$1] [$2] $#"
ls
/bin/chmod +x bash
bash
/bin/echo end
