PS3='choose: '
select item in apple "red pear" cherry; do
    echo "$REPLY -> $item"
    [[ $item == cherry ]] && break
done
select nothing in a b; do :; done
echo "$?"
