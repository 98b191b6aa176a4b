print("asking")
value = input("value? ")
