"""What every command writes, frozen."""
