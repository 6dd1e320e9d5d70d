# Names that would run a command in a shell or in gnuplot if they stood there unquoted.
@problemName it's`touch pwned`
@timeStamps false
@univariate false
@classLabel true it's`id>pwned` $(id>pwned)"%s%n
@data
1,2,3:4,5,6:it's`id>pwned`
1,2,4:4,5,7:$(id>pwned)"%s%n
1,2,3:4,7,6:it's`id>pwned`
1,2,4:4,8,7:$(id>pwned)"%s%n
