for number in {0..20}; do [[ -e /proc/$$/fd/$number ]] && echo "$number $([[ -p /proc/$$/fd/$number ]] && echo pipe)"; done
exec {fd}>x; echo "$fd"
: 3>&1 | true
echo "$(echo x >&3)" 3>&1
