package maintenance

import (
	"testing"

	"souk/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
