env | grep -v '^_=' | sort
printenv GIVEN
export -p | grep GIVEN
echo "$GIVEN $EMPTY. ${UNICODE}"
