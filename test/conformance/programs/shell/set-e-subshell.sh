set -e
value=$(echo inner; false) || echo "substitution failed with $?"
echo "$value"
( set +e; false; echo "on" )
local_function() { local x=$(false); echo "local hides it"; }
local_function
shopt -s inherit_errexit
y=$(false; echo "not here")
echo never
