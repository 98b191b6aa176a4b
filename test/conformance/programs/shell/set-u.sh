set -u
echo "${undefined-default}" "${undefined:-default}" "$#"
array=()
echo "${array[@]+none}" "${#array[@]}"
echo "$undefined"
echo never
