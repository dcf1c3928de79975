"""MCP, SCAD and L0: minima along each coordinate."""
