echo 'echo lib; return 5; echo no' >lib.sh
source ./lib.sh; echo "$?"
. missing.sh; echo "$?"
echo 'exit 6' >leave.sh
. ./leave.sh
echo never
