echo {1..5} {a..e..2} x{1,2}{a,b} {01..03} ~ ~root ~nobody-there ~+
echo "$((${#HOME} > 0))" "${HOME}" $'tab\there' $"localised" \
    continued
printf '%q %s %5d|%-5s|%x %b\n' 'a b' s 42 l 255 'a\tb'
printf '%(%Y)T\n' 0
echo -e 'a\tb\c' ; echo -n; echo
