# LC_ALL=C awk -f lines.awk PAGE...: prints the lines with more than 120 columns and fails if there are any. Excepted are rows of tables,
# images, and lines with a word of more than 80 letters, such as an address.
{
  line = $0
  gsub(/[\200-\277]/, "", line)  # a letter of UTF-8 counts once
  if (length(line) <= 120 || line ~ /^ *\|/ || line ~ /^!\[/) next
  for (k = 1; k <= NF; ++k)
    if (length($k) > 80) next
  printf "%s:%d: %d columns\n", FILENAME, FNR, length(line)
  found = 1
}
END { exit found }
