@problemName bad
@timeStamps false
@univariate false
@classLabel true a b
@data
1,2,3:4,x,6:a
