module souk/test/testbed/build/pause

go 1.26
