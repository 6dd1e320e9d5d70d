@problemName three
@timeStamps false
@univariate false
@classLabel true a b
@data
1,2,3:4,5,6:7,8,9:a
