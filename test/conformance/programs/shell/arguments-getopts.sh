while getopts ':ab:c' option; do
    case $option in
    a | c) echo "flag $option" ;;
    b) echo "value $OPTARG" ;;
    :) echo "missing for $OPTARG" ;;
    \?) echo "unknown $OPTARG" ;;
    esac
done
shift $((OPTIND - 1))
echo "rest: $*"
