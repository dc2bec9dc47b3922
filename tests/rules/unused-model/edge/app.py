import glob

files = glob.glob("weights_v3/*")
