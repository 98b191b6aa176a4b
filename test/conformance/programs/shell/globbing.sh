mkdir -p d/e; touch a.txt b.txt .hidden d/e/deep.txt 'with space.txt' 'ü.txt'
echo * | tr ' ' '\n'
echo .h* d/*/*.txt [ab].txt ?.txt no-match-*
shopt -s nullglob dotglob globstar extglob
echo no-match-* end
echo **/*.txt
echo !(a.txt|b.txt)
shopt -s failglob
echo none-*
echo after
GLOBIGNORE=a.txt:b.txt
echo *.txt
