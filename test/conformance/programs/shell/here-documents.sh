name=world
cat <<END
hello $name $(echo sub) \$escaped
	tab
END
cat <<'END'
literal $name
END
cat <<-END
	stripped
	END
cat <<<"here string $name"
while read -r a b; do echo "$b $a"; done <<END
1 one
2 two
END
cat <<A; cat <<B
first
A
second
B
cat <<END
the end of the file comes first
