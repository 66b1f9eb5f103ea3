--[[
Fault: more than 80 lines.

KEYS
  1 record   hash      the batch
ARGV
  1 bid      string
RETURNS
  what it found
]]
local line0 = 0
local line1 = 1
local line2 = 2
local line3 = 3
local line4 = 4
local line5 = 5
local line6 = 6
local line7 = 7
local line8 = 8
local line9 = 9
local line10 = 10
local line11 = 11
local line12 = 12
local line13 = 13
local line14 = 14
local line15 = 15
local line16 = 16
local line17 = 17
local line18 = 18
local line19 = 19
local line20 = 20
local line21 = 21
local line22 = 22
local line23 = 23
local line24 = 24
local line25 = 25
local line26 = 26
local line27 = 27
local line28 = 28
local line29 = 29
local line30 = 30
local line31 = 31
local line32 = 32
local line33 = 33
local line34 = 34
local line35 = 35
local line36 = 36
local line37 = 37
local line38 = 38
local line39 = 39
local line40 = 40
local line41 = 41
local line42 = 42
local line43 = 43
local line44 = 44
local line45 = 45
local line46 = 46
local line47 = 47
local line48 = 48
local line49 = 49
local line50 = 50
local line51 = 51
local line52 = 52
local line53 = 53
local line54 = 54
local line55 = 55
local line56 = 56
local line57 = 57
local line58 = 58
local line59 = 59
local line60 = 60
local line61 = 61
local line62 = 62
local line63 = 63
local line64 = 64
local line65 = 65
local line66 = 66
local line67 = 67
local line68 = 68
local line69 = 69
local line70 = 70
local line71 = 71
local line72 = 72
local line73 = 73
local line74 = 74
local line75 = 75
local line76 = 76
local line77 = 77
local line78 = 78
local line79 = 79
return redis.call('HGET', KEYS[1], ARGV[1])
